// The entry `@wsession/store-redis/inspection`, for tools of operators.
export { redisInspection } from "./inspection/inspection.ts";
export type { RedisInspectionOptions } from "./inspection/inspection.ts";
export type {
  Bus,
  BusEvent,
  InspectedHolder,
  InspectedIndex,
  InspectedMemory,
  InspectedOutbox,
  InspectedRecord,
  InspectedSession,
  InspectedSubject,
  RedisInspection,
  ScanStep,
} from "./inspection/contract.ts";
export type { CheckReport, Finding } from "./inspection/findings.ts";
