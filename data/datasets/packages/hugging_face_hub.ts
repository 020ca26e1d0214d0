/**
 * What makes repositories on a hub, and commits files to them.
 *
 * @module
 */
export { commitIter, createRepo } from "npm:@huggingface/hub@2.17.5";
