/** In a page, which is bundled: settings come in its address, and the title says that it is done. */

import { measure } from "./measure.js";

await measure(JSON.parse(new URLSearchParams(location.search).get("settings")));
document.title = JSON.stringify({ userAgent: navigator.userAgent });
