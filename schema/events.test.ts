import { describe, expect, it } from 'vitest'
import {
  type EventName,
  eventBody,
  eventExample,
  eventListInput,
  eventNames,
  eventRow,
  events,
  wantsEvent,
} from './events.ts'
import { Opcode } from './opcodes.ts'
import { isSecretField } from './secrets.ts'

const names = Object.keys(events) as EventName[]

/** The names that filters of the original could hold, over all its versions (rest/contract.md §2.4). */
const originals =
  'Message MessageEdit MessageDelete ReadReceipt Connected Disconnected AuthCodeSent ChatUpdate Typing ' +
  'ReactionChange ContactUpdate PresenceUpdate FileReady HistorySync Sync Reconnecting ReconnectExhausted ' +
  'LoggedOut AuthExpired QRGenerated QRScanned QRAuthorized QRExpired All'

const fieldNames = (value: unknown): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : Object.entries(value).flatMap(([name, item]) => [name, ...fieldNames(item)])

describe('the table of events', () => {
  it.each(names)('[EV1] %s has an example that fits its schema', (name) => {
    const example = eventExample(name)
    expect(eventBody(name).parse(example)).toEqual(example)
    expect(eventRow(name).summary).not.toBe('')
    expect(fieldNames(example).filter(isSecretField)).toEqual([])
  })

  it('[defect 20] has every name of the original, spelled as it was', () => {
    for (const name of originals.split(' ')) expect(eventNames).toContain(name)
    const old = names.filter((name) => eventRow(name).since === 'original')
    expect([...old, 'All'].sort()).toEqual(originals.split(' ').sort())
  })

  it('has a row for every push that is known, one each', () => {
    const opcodes = names.flatMap((name) => eventRow(name).opcode ?? [])
    expect(new Set(opcodes).size).toBe(opcodes.length)
    const pushes = Object.entries(Opcode).filter(([name]) => name.startsWith('NOTIF_'))
    const without = pushes.filter(([, opcode]) => !opcodes.includes(opcode)).map(([name]) => name)
    // Their payloads are unknown: they come as `Raw`.
    expect(without).toEqual([
      'NOTIF_VIDEO_CHAT_COMMAND',
      'NOTIF_MSG_CONSTRUCT',
      'NOTIF_CHAT_MESSAGE_PINNED',
    ])
  })
})

describe('filters', () => {
  it('take a list or a comma string, each name once', () => {
    expect(eventListInput.parse(' Message, Typing,Message,')).toEqual(['Message', 'Typing'])
    expect(eventListInput.parse(['All'])).toEqual(['All'])
    expect(eventListInput.parse('')).toEqual([])
  })

  it('refuse a name that does not exist, and say which', () => {
    const { error } = eventListInput.safeParse('Message,Mesage')
    expect(error?.issues[0]).toMatchObject({ path: [1], message: 'unknown event name' })
  })

  it('[EV8] let `All` mean everything but what goes by name', () => {
    expect(names.filter((name) => !wantsEvent(['All'], name))).toEqual(['Raw'])
    expect(wantsEvent(['Raw'], 'Raw')).toBe(true)
    expect(wantsEvent(['Typing'], 'Message')).toBe(false)
    expect(wantsEvent([], 'Message')).toBe(false)
    expect(wantsEvent(['OfAnOlderVersion', 'Message'], 'Message')).toBe(true)
  })
})
