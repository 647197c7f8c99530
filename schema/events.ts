/** The catalogue of events: its table, its filters, and what becomes of a push. */
export * from './events/classify.ts'
export * from './events/filter.ts'
export * from './events/index.ts'
