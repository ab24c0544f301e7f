/** A promise with its functions beside it: Node 20 has no `Promise.withResolvers`. */
export class Deferred<Value> {
  resolve: (value: Value) => void = () => undefined;
  reject: (error: Error) => void = () => undefined;
  readonly promise: Promise<Value> = new Promise((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}
