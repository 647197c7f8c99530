import { createHash } from 'node:crypto'

/**
 * MAX deduplicates sends by `cid` (operations-and-events.md §3.1). Those made from a time are Unix ms;
 * those made from an idempotency key lie above every time there will be, so the two never meet.
 */
export const FIRST_KEYED_CID = 2 ** 52

/** The same parts give the same `cid`, even to a gateway that has lost its storage. */
export const keyedCid = (...parts: (string | number)[]): number => {
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest()
  return FIRST_KEYED_CID + Number(digest.readBigUInt64BE() >> 12n)
}

/** Our name of a message, the same from before it is sent until it is forgotten. */
export const sendId = (cid: number): string => `msg_${cid.toString(36)}`

/** The `cid` behind our name of a message; `undefined` for anything else. */
export const cidOfSendId = (id: string): number | undefined => {
  const digits = /^msg_([0-9a-z]{1,11})$/.exec(id)?.[1]
  const cid = digits === undefined ? Number.NaN : Number.parseInt(digits, 36)
  return Number.isSafeInteger(cid) ? cid : undefined
}
