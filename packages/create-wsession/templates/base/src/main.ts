import { start } from "./application.ts";

const application = await start(Number(process.env["PORT"] ?? 3000));
console.log(`http://localhost:${application.port}`);

for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => {
    application.stop().catch((error: unknown) => {
      console.error(error);
      process.exitCode = 1;
    });
  });
