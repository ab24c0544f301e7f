/**
 * Collects process warnings of one type while `act` runs, and keeps them off the console. Other warnings are
 * printed as usual.
 */
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
    // Node emits a warning in the tick after the call.
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  } finally {
    process.off("warning", listen);
    for (const print of printers) process.on("warning", print);
  }
  return warned;
}
