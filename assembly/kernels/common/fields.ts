/*
 * Types of the fields that kernels' arguments have, one word of a record each. `assembly/build/` reads them: from a structure's fields it
 * generates what writes the record, and, where all addresses are those of a command's tensors, the operation's whole encoder.
 */

/** Address of the values of the command's tensor of that name; 0 if the command has none. */
export type Tensor = usize;
/** Address that an encoder chooses, 0 for what is absent. */
export type Address = usize;
/** 1 if something is so, else 0. */
export type Flag = i32;
/** How many numbers follow the structure. */
export type List = i32;
