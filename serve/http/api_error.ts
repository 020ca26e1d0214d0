/**
 * Errors as OpenAI's interface shapes them.
 *
 * @module
 */

/** What an error says beside its message. */
export interface ApiErrorParts {
  /** The status of the response. */
  readonly status: number;
  /** OpenAI's name for the kind of mistake, such as "invalid_request_error". */
  readonly type: string;
  /** The field that is wrong. */
  readonly param?: string | undefined;
  /** OpenAI's name for the mistake, such as "model_not_found". */
  readonly code?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** An error that becomes a response. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly parts: ApiErrorParts;

  constructor(message: string, parts: ApiErrorParts) {
    super(message);
    this.parts = parts;
  }

  /** The error as OpenAI's clients read it. */
  get body(): object {
    const { type, param = null, code = null } = this.parts;
    return { error: { message: this.message, type, param, code } };
  }

  toResponse(): Response {
    const { status, headers = {} } = this.parts;
    return Response.json(this.body, { status, headers });
  }
}

/** A mistake in a field of the request. */
export function wrongField(param: string, message: string, code?: string): ApiError {
  return new ApiError(message, { status: 400, type: "invalid_request_error", param, code });
}
