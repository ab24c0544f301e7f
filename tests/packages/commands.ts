/** Runs npm and node as a user does: with an environment that has no trace of this repository. */
import { execFile } from "node:child_process";

/**
 * Resolves with the output of the command. Rejects with the whole output if the command fails; with the status "any" only if the command
 * does not start, or is killed.
 */
export async function run(
  folder: string,
  program: string,
  args: readonly string[],
  status: "success" | "any" = "success",
): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { cwd: folder, env: userEnvironment(), maxBuffer: 64 * 1024 * 1024 };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null || (status === "any" && typeof error.code === "number")) resolve(stdout);
      else
        reject(
          new Error(`${program} ${args.join(" ")} failed in ${folder}:\n${stdout}${stderr}`, {
            cause: error,
          }),
        );
    });
  });
}

/** `npm install` of what the manifest of the folder names, with the cache asked before the registry. */
export async function install(folder: string, options: readonly string[] = []): Promise<void> {
  await run(folder, "npm", ["install", "--prefer-offline", "--no-audit", "--no-fund", ...options]);
}

// npm sets variables that name the project of a script. With them, an npm that the script starts installs into that project.
export function userEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^npm_(?:package|lifecycle|config_(?:local_prefix|workspace|include_workspace))|^(?:INIT_CWD|NODE_ENV|NODE_OPTIONS|VITEST)/.test(
          name,
        ),
    ),
  );
}
