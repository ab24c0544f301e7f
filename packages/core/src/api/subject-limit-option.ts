/** The option `maxSessionsPerSubject`, with what happens over the limit. */
export interface SubjectLimitOption {
  /** How many sessions a subject may have, at least 1. */
  readonly max: number;
  /**
   * `"oldest"` ends the session whose login was first. `"refuse"` refuses the new login.
   *
   * @default "oldest"
   */
  readonly over?: "oldest" | "refuse" | undefined;
}
