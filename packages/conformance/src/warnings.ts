/** The warnings of the process of this type while `act` runs. They are kept from the console, and all others are not. */
export async function warningsDuring(type: string, act: () => Promise<void>): Promise<Error[]> {
  const warned: Error[] = [];
  const printers = process.listeners("warning");
  const listen = (warning: Error) => {
    if (warning.name === type) warned.push(warning);
    else for (const print of printers) print(warning);
  };
  process.removeAllListeners("warning");
  process.on("warning", listen);
  try {
    await act();
    // A warning is emitted in the tick after it was given.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  } finally {
    process.off("warning", listen);
    for (const print of printers) process.on("warning", print);
  }
  return warned;
}
