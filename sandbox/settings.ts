/** What a world can be told to do differently. Defaults follow the measured service. */
export interface Settings {
  /** The SMS code that every phone receives (§13.1.9). */
  code: string
  /** SMS login: works, ends at the captcha that WEB meets today, or sends nothing (§2.1). */
  sms: 'send' | 'captcha' | 'silent'
  codeTtlMs: number
  codeAttempts: number
  /** Code requests per phone until MAX refuses more, and how long it counts them. */
  codeRequests: number
  codeRequestWindowMs: number
  passwordAttempts: number
  qrTtlMs: number
  qrPollIntervalMs: number
  /** Which token LOGIN hands back (wire-and-auth.md §6.5). */
  rotateToken: 'same' | 'new' | 'absent'
  /** Un-acknowledged 128 pushes come again after the next LOGIN (§4.4). */
  resendUnacked: boolean
  /** A non-interactive connection is closed after this long; 0 = never (§12). */
  idleCloseMs: number
  /** First push number. Like MAX's own it may collide with numbers the client waits for (§4.3). */
  pushSeqStart: number
  /** A subscription (75) lasts this long; the web client renews it every 60 s. */
  subscriptionMs: number
  /** Largest LOGIN `chatsCount`: 100 is known good, 200 known bad (§6.1). */
  maxChatsCount: number
  chatsPageSize: number
  maxTextLength: number
  editTimeoutMs: number
  /** 67 without `elements` and `attachments` is malformed (operations-and-events.md §3.2). */
  strictEdit: boolean
  /** LZ4 for bodies of 32 bytes and more (§4.5). */
  compress: boolean
  /** Tell the partners of an account's dialogs when it comes and goes. */
  pushPresence: boolean
  /** Where upload slots and links to content lead; the host serves what lies below. */
  mediaUrl: string
  /** From the answer to an upload until its content can be sent: 300 ms at least (§6.3). */
  readyDelayMs: number
  /** How a send before that is refused: the old key, or the one since August 2026 (§4.3). */
  notReady: 'attachment.not.ready' | 'errors.process.attachment'
  uploadTtlMs: number
  /** Life of links to files and videos, and of those to photos; 0 = for ever. */
  linkTtlMs: number
  photoLinkTtlMs: number
  /** Whether a voice message may come as raw bytes: sources disagree (§4.6). */
  rawVoice: boolean
  /** Answered to VIDEO_PLAY when not empty. */
  failoverHosts: string[]
}

export const defaultSettings: Settings = {
  code: '123456',
  sms: 'send',
  codeTtlMs: 300_000,
  codeAttempts: 5,
  codeRequests: 10,
  codeRequestWindowMs: 3_600_000,
  passwordAttempts: 5,
  qrTtlMs: 120_000,
  qrPollIntervalMs: 5_000,
  rotateToken: 'same',
  resendUnacked: true,
  idleCloseMs: 240_000,
  pushSeqStart: 0,
  subscriptionMs: 90_000,
  maxChatsCount: 100,
  chatsPageSize: 50,
  maxTextLength: 4_000,
  editTimeoutMs: 604_800_000,
  strictEdit: true,
  compress: true,
  pushPresence: true,
  mediaUrl: 'https://sandbox/media',
  readyDelayMs: 300,
  notReady: 'attachment.not.ready',
  uploadTtlMs: 3_600_000,
  linkTtlMs: 3_600_000,
  photoLinkTtlMs: 0,
  rawVoice: true,
  failoverHosts: [],
}

/** Time and chance as the host provides them. */
export interface Clock {
  now(): number
  /** Runs `task` once; the returned function cancels it. */
  after(delayMs: number, task: () => void): () => void
}
export interface Host {
  clock: Clock
  /** Uniform in [0, 1). */
  random: () => number
}
