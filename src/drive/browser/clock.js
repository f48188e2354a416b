// Moves `Date` of a page by `offset` milliseconds; called again, to another offset. Timers and `performance` go on as before.
(offset) => {
  const key = Symbol.for("authchain.clock");
  if (globalThis[key]) {
    globalThis[key](offset);
    return;
  }
  const Real = Date;
  let shift = offset;
  const now = () => Real.now() + shift;
  const Moved = new Proxy(Real, {
    apply: () => new Real(now()).toString(),
    construct: (target, values, made) => Reflect.construct(target, values.length === 0 ? [now()] : values, made),
    get: (target, name, self) => (name === "now" ? now : Reflect.get(target, name, self)),
  });
  Real.prototype.constructor = Moved;
  Object.defineProperty(globalThis, "Date", { value: Moved, writable: true, configurable: true });
  Object.defineProperty(globalThis, key, { value: (offset) => (shift = offset) });
};
