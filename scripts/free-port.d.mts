// The types of free-port.mjs for the demo and the benches, whose compiler reads no JavaScript.
export declare function freePort(above?: number): Promise<number>;
