defmodule Chinwag.Payload do
  @moduledoc """
  Values as the bytes that every language reads alike: MessagePack in one form.

      iex> {:ok, bytes} = Chinwag.Payload.encode(%{sku: "tea", amount: 2})
      iex> Chinwag.Payload.decode(bytes)
      {:ok, %{"sku" => "tea", "amount" => 2}}

  | A term | comes back as |
  |---|---|
  | `nil`, `true`, `false` | itself |
  | any other atom | its name, a text |
  | an integer of up to 64 bits, a float | itself |
  | a binary in UTF-8 | itself |
  | `{:bytes, binary}`, for bytes that are no text | itself |
  | a list, a tuple | a list |
  | a map whose keys are texts or atoms | a map whose keys are texts |
  | a `DateTime`, whatever its time zone | a `DateTime` in UTC |

  Nothing is lost in silence. What is not in the table, a key that comes twice (`:a` and `"a"`), and
  containers more than 64 deep are a `Chinwag.Error` with the code `:codec`, whose message has the
  place: `no encoding for an integer of 70 bits at $.items[3].price`. So is, of other languages,
  what Elixir does not have: NaN and infinities, and points in time that are finer than a
  microsecond. No atom is ever made.
  """

  alias Chinwag.{Error, Native}

  @typedoc "What `encode/1` takes."
  @type encodable ::
          nil
          | boolean()
          | atom()
          | integer()
          | float()
          | String.t()
          | {:bytes, binary()}
          | [encodable()]
          | tuple()
          | %{optional(String.t() | atom()) => encodable()}
          | DateTime.t()

  @typedoc "What `decode/1` gives."
  @type decoded ::
          nil
          | boolean()
          | integer()
          | float()
          | String.t()
          | {:bytes, binary()}
          | [decoded()]
          | %{optional(String.t()) => decoded()}
          | DateTime.t()

  @doc """
  The bytes of a value, of up to 64 MiB. Errors: `:codec` for what has no encoding; `:too_large`.
  """
  @spec encode(encodable()) :: {:ok, binary()} | {:error, Error.t()}
  def encode(value) do
    with :large <- Native.guarded(fn -> Native.payload_encode(value) end),
         do: Native.guarded(fn -> Native.payload_encode_large(value) end)
  end

  @doc "As `encode/1`, but raises."
  @spec encode!(encodable()) :: binary()
  def encode!(value), do: made!(encode(value))

  @doc """
  The value of bytes that any language has encoded. Errors: `:codec` for others; `:bad_argument` for
  what is no binary.
  """
  @spec decode(binary()) :: {:ok, decoded()} | {:error, Error.t()}
  def decode(bytes) do
    with :large <- Native.guarded(fn -> Native.payload_decode(bytes) end),
         do: Native.guarded(fn -> Native.payload_decode_large(bytes) end)
  end

  @doc "As `decode/1`, but raises."
  @spec decode!(binary()) :: decoded()
  def decode!(bytes), do: made!(decode(bytes))

  defp made!({:ok, made}), do: made
  defp made!({:error, error}), do: raise(error)
end
