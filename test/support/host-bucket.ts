import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

/** Works on the bucket in the data folder of a gateway that does not run. */
export const withHostBucket = async (
  dataFolder: string,
  work: (bucket: R2Bucket) => Promise<void>,
): Promise<void> => {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      telemetry: { enabled: false },
      resourcePersistencePath: dataFolder,
      workers: [
        {
          name: 'maxapi',
          modules: true,
          script: 'export default { fetch: () => new Response() }',
          compatibilityDate: '2026-10-20',
          // The name is the one in wrangler.toml.
          r2Buckets: { MEDIA: { id: 'maxapi-media' } },
        },
      ],
    }),
  )
  try {
    await work((await miniflare.getR2Bucket('MEDIA')) as unknown as R2Bucket)
  } finally {
    await miniflare.dispose()
  }
}
