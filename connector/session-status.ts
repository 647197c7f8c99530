import type { SessionState, SessionStatus } from '../schema/session-port.ts'

export interface StatusFacts
  extends Pick<SessionStatus, 'maxUserID' | 'wanted' | 'pendingSends' | 'delivery'> {
  state: SessionState
  hasAccount: boolean
  deviceId: string | undefined
  /** Of the connection; Unix ms and ms. */
  lastInboundAt: number | undefined
  pingMs: number | undefined
}

/** The session as its owner sees it; times are ISO 8601. */
export const sessionStatus = (facts: StatusFacts): SessionStatus => {
  const { state, hasAccount, deviceId, lastInboundAt, pingMs } = facts
  const isOnline = state.name === 'online'
  return {
    connected: isOnline,
    authenticated: hasAccount,
    loggedIn: isOnline && hasAccount,
    maxUserID: facts.maxUserID,
    ...(deviceId === undefined ? {} : { deviceId }),
    state: state.name,
    wanted: facts.wanted,
    ...(state.name === 'waiting' ? { reason: state.reason, retryAt: iso(state.retryAt) } : {}),
    ...(state.name === 'stopped' ? { reason: state.reason, action: state.action } : {}),
    ...(state.name === 'online' ? { onlineSince: iso(state.since) } : {}),
    ...(lastInboundAt ? { lastInboundAt: iso(lastInboundAt) } : {}),
    ...(pingMs === undefined ? {} : { pingMs }),
    pendingSends: facts.pendingSends,
    delivery: facts.delivery,
  }
}

const iso = (ms: number): string => new Date(ms).toISOString()
