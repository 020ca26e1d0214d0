/** Pages of files of the repository that guides link to. */

import { sourcePages } from "../.vitepress/source_links.ts";

export default { paths: sourcePages };
