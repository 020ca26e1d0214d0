/*
 * Types of the fields of kernels' arguments, one word of a record each. `assembly/build/` generates from them the
 * function that writes the record, or, if all addresses are those of a command's tensors, the operation's whole
 * encoder.
 */

/** Address of the command's tensor of the same name; 0 if the command has none. */
export type Tensor = usize;
/** Address that an encoder chooses; 0 if there is none. */
export type Address = usize;
/** 1 for true, 0 for false. */
export type Flag = i32;
/** Count of the numbers that follow the structure. */
export type List = i32;
