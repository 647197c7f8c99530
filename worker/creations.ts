import { createHash } from 'node:crypto'
import { and, eq, lt } from 'drizzle-orm'
import type { Vault } from '../connector/vault.ts'
import { GatewayError } from '../schema/errors.ts'
import { stringifyWireJson } from '../schema/json.ts'
import { creations } from '../schema/tables.ts'
import type { Db } from './db.ts'

/** How long a key is remembered. */
const KEPT_MS = 24 * 3_600_000
/** A run that took longer was cut off: the next request goes on with it. */
const RUN_MS = 60_000
const PURPOSE = 'creation'

/** What a new tenant gets. */
export interface Draft {
  id: string
  token: string
}

/** One run under a key. */
export interface Creation {
  draft: Draft
  /** An earlier run under the key has made the tenant: nothing is left to do. */
  isDone: boolean
  finish(): Promise<void>
  /** Nothing came of it: the key stands for nothing again. */
  forget(): Promise<void>
}

/**
 * Begins to create a tenant under an Idempotency-Key, or goes on with what was begun: id and token are
 * written down first, so that a run which was cut off and the one after it make the same tenant.
 * @param fresh what a first run uses
 * @throws {GatewayError} IDEMPOTENCY_MISMATCH when the key stands for another request; IN_PROGRESS
 *   while one is under way
 */
export const beginCreation = async (
  { db, vault, now }: { db: Db; vault: Vault; now: number },
  { key: text, request, fresh }: { key: string; request: object; fresh: Draft },
): Promise<Creation> => {
  const key = sha256(text)
  const is = eq(creations.key, key)
  await db.delete(creations).where(lt(creations.createdAt, now - KEPT_MS))
  const row = {
    key,
    request: sha256(stringifyWireJson(request)),
    draft: await vault.seal(JSON.stringify(fresh), PURPOSE),
    done: false,
    startedAt: now,
    createdAt: now,
  }
  const creation = (draft: Draft, isDone: boolean): Creation => ({
    draft,
    isDone,
    finish: async () => {
      await db.update(creations).set({ done: true }).where(is)
    },
    forget: async () => {
      await db.delete(creations).where(is)
    },
  })
  const added = await db.insert(creations).values(row).onConflictDoNothing().returning()
  if (added.length === 1) return creation(fresh, false)

  const known = (await db.select().from(creations).where(is))[0]
  if (known === undefined) throw inProgress()
  if (known.request !== row.request) throw new GatewayError('IDEMPOTENCY_MISMATCH')
  const draft = JSON.parse(await vault.open(known.draft, PURPOSE)) as Draft
  if (known.done) return creation(draft, true)
  if (known.startedAt > now - RUN_MS) throw inProgress()
  // Of several who want to go on with it one may.
  const mine = await db
    .update(creations)
    .set({ startedAt: now })
    .where(and(is, eq(creations.startedAt, known.startedAt)))
    .returning()
  if (mine.length === 0) throw inProgress()
  return creation(draft, false)
}

const inProgress = (): GatewayError =>
  new GatewayError('IN_PROGRESS', undefined, { retryAfterMs: 1_000 })

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
