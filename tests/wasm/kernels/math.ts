import { erf, exp, log } from "../../../assembly/kernels/common/math";

export const heapBase: usize = __heap_base;

export function exps(from: usize, to: usize, count: i32): void {
  for (const end = from + (<usize> count << 2); from < end; from += 16, to += 16) v128.store(to, exp(v128.load(from)));
}

export function logs(from: usize, to: usize, count: i32): void {
  for (const end = from + (<usize> count << 2); from < end; from += 16, to += 16) v128.store(to, log(v128.load(from)));
}

export function erfs(from: usize, to: usize, count: i32): void {
  for (const end = from + (<usize> count << 2); from < end; from += 16, to += 16) v128.store(to, erf(v128.load(from)));
}
