import { z } from 'zod'
import { defaultStorage, StorageModel, storageInput, storageView } from '../storage-settings.ts'
import { linkOperation, operation } from './define.ts'

const input = z.object(storageInput).partial()

/** The fields flat, and once more under `data`, where the dashboard of older versions read them. */
const output = z.looseObject({ data: StorageModel, ...StorageModel.shape })

const example = {
  enabled: true,
  endpoint: 'https://s3.example.com',
  access_key: '***',
  secret_key: '***',
  bucket: 'shop-media',
  region: 'eu-central-1',
  path_style: true,
  public_url: '',
  media_delivery: 'both' as const,
  retention_days: 30,
  prefix: 'max',
}
const answer = { data: example, ...example }
const initial = storageView(defaultStorage)

export const storageOperations = {
  getStorage: operation({
    method: 'GET',
    path: '/session/s3/config',
    scope: 'tenant',
    summary: 'Where received media are stored and how they are delivered',
    description:
      'Without a storage of its own a tenant has the one of the gateway, behind signed links of the ' +
      'gateway. Keys are never told.',
    example: { input: {}, output: { code: 200, ...answer } },
    input: z.object({}),
    output: output.extend({ code: z.literal(200).describe('As older versions had it') }),
    run: async ({ storage }) => {
      const data = storage.view()
      return { code: 200 as const, data, ...data }
    },
  }),
  setStorage: operation({
    method: 'POST',
    path: '/session/s3/config',
    scope: 'tenant',
    summary: 'Set the own S3, and what becomes of received media',
    description:
      'Fields that are left out stay as they are, so `{"media_delivery":"base64"}` alone is enough. ' +
      'Names are taken in `camelCase` too. Nothing is called now: `POST /session/s3/test` does that. ' +
      'Objects are private: links to them are signed and live for 7 days at most, unless ' +
      '`public_url` is set. They lie under `users/{tenant}/{inbox|outbox}/{chat}/{yyyy}/{mm}/{dd}/' +
      '{images|videos|audio|documents}/{messageId}-{n}.{ext}`. What lies elsewhere already is not ' +
      'moved; it is deleted when its time is over, as long as its keys are saved. The endpoint has to be public and https, unless the operator allows others.',
    example: {
      input: {
        ...example,
        access_key: 'AKIAIOSFODNN7EXAMPLE',
        secret_key: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      },
      output: { message: 'Storage saved', ...answer },
    },
    input,
    output: output.extend({ message: z.string() }),
    errors: ['FORBIDDEN'],
    run: async ({ storage }, change) => {
      const data = await storage.save(change)
      return { message: 'Storage saved', data, ...data }
    },
  }),
  deleteStorage: operation({
    method: 'DELETE',
    path: '/session/s3/config',
    scope: 'tenant',
    summary: 'Forget the own S3 and its keys',
    description:
      "Received media go to the gateway's own storage again, as at the beginning. What lies in the " +
      'S3 stays there.',
    example: {
      input: {},
      output: {
        message: 'Storage deleted',
        data: initial,
        ...initial,
      },
    },
    input: z.object({}),
    output: output.extend({ message: z.string() }),
    run: async ({ storage }) => {
      const data = await storage.forget()
      return { message: 'Storage deleted', data, ...data }
    },
  }),
  testStorage: operation({
    method: 'POST',
    path: '/session/s3/test',
    scope: 'tenant',
    summary: 'Write, read and delete a small object in the own S3',
    description:
      'Tests what is saved, whether or not it is enabled. A failure is STORAGE_FAILED: `details.step` ' +
      "is `write`, `read` or `delete`, `details.storageCode` the storage's own code, such as " +
      '`AccessDenied`, `SignatureDoesNotMatch`, `NoSuchBucket`, or ours: `Unreachable`, `Timeout`, ' +
      '`EndpointRefused`, `Redirect`. CONFLICT when no S3 is saved.',
    example: {
      input: {},
      output: { message: 'The storage works', writeMs: 41, readMs: 18, deleteMs: 33 },
    },
    input: z.object({}),
    output: z.looseObject({
      message: z.string(),
      writeMs: z.number(),
      readMs: z.number(),
      deleteMs: z.number(),
    }),
    errors: ['CONFLICT', 'STORAGE_FAILED'],
  }),
  getStoredMedia: linkOperation({
    method: 'GET',
    path: '/media/users/:tenant/:box/:chat/:year/:month/:day/:folder/:name',
    scope: 'public',
    summary: "What a link to media in the gateway's own storage opens",
    description:
      'Take the link as it is: nobody can make or change one, because its signature covers the path and ' +
      'the end. It begins with the address in `MAXAPI_PUBLIC_URL`; where the gateway does not know ' +
      'its address, with `/media`, and what the gateway is called by has to be put before it. Takes `HEAD` ' +
      'and one `Range`. What a browser could run comes as a download only.',
    example: {
      input: {
        tenant: '0d3c2c1e-7a5e-4d52-9a50-2f2b7a3c1d10',
        box: 'inbox',
        chat: '-68250841',
        year: '2026',
        month: '11',
        day: '25',
        folder: 'images',
        name: '115912345678901234-0.jpg',
        expires: 1_795_496_143,
        signature: 'EXAMPLEexampleEXAMPLEexampleEXAMPLEexampleE',
      },
      output: {},
    },
    media: 'link',
    input: z.object({
      tenant: z.string(),
      box: z.string(),
      chat: z.string(),
      year: z.string(),
      month: z.string(),
      day: z.string(),
      folder: z.string(),
      name: z.string(),
      expires: z.int().min(0).describe('Unix seconds'),
      signature: z.string().max(100),
    }),
    output: z.object({}),
    errors: ['FORBIDDEN', 'LINK_EXPIRED', 'NOT_FOUND', 'RANGE_NOT_SATISFIABLE', 'STORAGE_FAILED'],
  }),
}
