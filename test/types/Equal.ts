/** True only for one and the same type: neither wider, nor narrower, nor `any`. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles for `true` only. */
export const holds = <_Proof extends true>(): void => {}

/** Compiles where a value may stand for a type. */
export const accepts = <T>(_value: T): void => {}
