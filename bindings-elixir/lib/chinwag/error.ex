defmodule Chinwag.Error do
  @moduledoc """
  What went wrong, as the same codes in every language; see `Chinwag.Constants` for the list.

    * `code` - the stable code, such as `:join_failed`
    * `number` - its permanent number
    * `message` - what happened, to whom, the likely cause and the next step
    * `retryable` - whether the same call may succeed later
    * `attempts` - for `:join_failed`, what was tried: `[{seed, cause}]`
  """

  alias Chinwag.Constants

  @enforce_keys [:code, :number, :message, :retryable]
  defexception [:code, :number, :message, :retryable, attempts: []]

  @type t :: %__MODULE__{
          code: Constants.error_code(),
          number: pos_integer(),
          message: String.t(),
          retryable: boolean(),
          attempts: [{seed :: String.t(), cause :: String.t()}]
        }

  @doc false
  @spec new(Constants.error_code(), String.t()) :: t()
  def new(code, message) do
    %__MODULE__{
      code: code,
      number: Keyword.fetch!(Constants.errors(), code),
      message: message,
      retryable: code in Constants.retryable()
    }
  end

  @impl true
  def message(%__MODULE__{code: code, message: message}), do: "#{code}: #{message}"
end
