import { type ErrorData, GatewayError, type Result } from '../schema/errors.ts'

/** An error that came as data, as the error it was. */
export const errorFrom = ({ code, message, ...facts }: ErrorData): GatewayError =>
  new GatewayError(code, message, facts)

/**
 * The data of a result.
 * @throws {GatewayError} the result's own error.
 */
export const unwrap = <Data>(result: Result<Data>): Data => {
  if (!result.ok) throw errorFrom(result.error)
  return result.data
}
