import { z } from 'zod'
import type { Result } from './errors.ts'
import type { MediaLink } from './media-link.ts'
import type { TenantStorage } from './storage-settings.ts'

/** Kinds of attachments whose content is fetched when a message brings them. */
export const fetchedKinds = ['image', 'video', 'videoNote', 'voice', 'audio', 'file'] as const
export type FetchedKind = (typeof fetchedKinds)[number]

/** What `FileReady` says of a received file, beside the place it has in its message. */
export const receivedFile = {
  name: z.string().optional().describe('File name, where the sender gave one'),
  size: z.number().optional().describe('Bytes'),
  contentType: z.string().optional().describe('By the content itself, not by its name'),
  sha256: z.string().optional().describe('Hex, of the content'),
  url: z
    .string()
    .optional()
    .describe(
      'Link to the stored content; it needs no login. It begins with `/` where the gateway does not ' +
        'know its own address (`MAXAPI_PUBLIC_URL`)',
    ),
  urlExpiresAt: z
    .string()
    .optional()
    .describe('When the link ends, ISO 8601; absent for one that does not'),
  storageKey: z.string().optional().describe('Where it is stored; sends take it too'),
  base64: z.string().optional().describe('The content, where `media_delivery` asks for it'),
  omitted: z
    .looseObject({ reason: z.enum(['too_large', 'too_many']), size: z.number().optional() })
    .optional()
    .describe(
      'Why content is missing. `too_large`: beyond what goes into an event or, without `url`, beyond ' +
        'what is fetched at all. `too_many`: more files wait than are kept in mind. The download ' +
        'operations get it all the same',
    ),
  error: z
    .looseObject({ code: z.string(), message: z.string() })
    .optional()
    .describe('Why it could not be fetched or stored, after several attempts'),
} as const

/** An errand: one file from MAX to where its tenant wants it. Plain data. */
export interface CarryOrder {
  tenantId: string
  sandbox: boolean
  link: MediaLink
  /** A larger file is left where it is. */
  maxBytes: number
  /** Content of so many bytes at most is handed back; 0 = none is. */
  inlineBytes: number
  /** Whether it is stored. */
  stores: boolean
}

/** What is known of a file before it is stored. */
export interface FileFacts {
  contentType: string
  size: number
}

/** Where a file is stored. */
export interface FilePlace {
  key: string
  /** The keys in it are sealed. */
  storage: TenantStorage
  fileName?: string
}

/** What came of an errand. */
export interface Carried {
  contentType: string
  /** Absent when the file was too large to be read to its end, and did not say. */
  size?: number
  /** Absent when it was not read to its end. */
  sha256?: string
  /** Absent when none was wanted, or it would be too much. */
  base64?: string
}

/**
 * Moves content between MAX and storages, in a place of its own: a response body that is read in the
 * session's object can take the socket to MAX down with it (workerd issue 6774).
 */
export interface CourierRpc {
  /**
   * @param placeOf asked once, right before the content is stored
   * @param isWanted asked once it is stored: what nobody wants any more is deleted again
   * @returns as errors: NOT_FOUND when the link leads nowhere, BODY_TOO_LARGE with `details.size` where
   *   it is known, BAD_UPSTREAM, TRANSFER_FAILED, STORAGE_FAILED, OVERLOADED
   */
  carry(
    order: CarryOrder,
    placeOf: (facts: FileFacts) => Promise<FilePlace>,
    isWanted: () => Promise<boolean>,
  ): Promise<Result<Carried>>
}
