defmodule Chinwag.Error do
  @moduledoc """
  What went wrong, as the same codes in every language; see `Chinwag.Constants` for the list.

    * `code` - the stable code, such as `:join_failed`
    * `number` - its permanent number
    * `message` - what happened, to whom, the likely cause and the next step
    * `retryable` - whether the same call may succeed later
    * `maybe_executed` - whether what was asked for may have happened all the same; `false` is
      certain
    * `remote` - for `:remote_error`, what the server's code failed with: its `node`, its
      `language`, the `class` of the error there, its `message`, and the `stack` if the server
      passes it on
    * `attempts` - for `:join_failed`, what was tried: `[{seed, cause}]`
  """

  alias Chinwag.Constants

  @enforce_keys [:code, :number, :message, :retryable]
  defexception [
    :code,
    :number,
    :message,
    :retryable,
    :remote,
    maybe_executed: false,
    attempts: []
  ]

  @typedoc "What a server's own code failed with."
  @type remote :: %{
          node: String.t(),
          language: String.t(),
          class: String.t(),
          message: String.t(),
          stack: String.t() | nil
        }

  @type t :: %__MODULE__{
          code: Constants.error_code(),
          number: pos_integer(),
          message: String.t(),
          retryable: boolean(),
          maybe_executed: boolean(),
          remote: remote() | nil,
          attempts: [{seed :: String.t(), cause :: String.t()}]
        }

  @doc false
  @spec new(Constants.error_code(), String.t()) :: t()
  def new(code, message) do
    %__MODULE__{
      code: code,
      number: Keyword.fetch!(Constants.errors(), code),
      message: message,
      retryable: code in Constants.retryable(),
      maybe_executed: code in Constants.maybe_executed()
    }
  end

  @doc """
  The error of an operation that a server does not have, for a server to answer with:

      def handle_call({op, _}, _from, state), do: {:reply, Chinwag.Error.unknown_op(op), state}
  """
  @spec unknown_op(String.t()) :: t()
  def unknown_op(op), do: new(:unknown_op, "the server has no operation #{inspect(op)}")

  @impl true
  def message(%__MODULE__{code: code, message: message}), do: "#{code}: #{message}"
end
