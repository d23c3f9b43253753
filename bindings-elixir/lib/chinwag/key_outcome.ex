defmodule Chinwag.KeyOutcome do
  @moduledoc """
  What the keyring of one member has come to, as `Chinwag.cluster_keys/3` tells it.

    * `done` - whether it did as it was told
    * `message` - why it did not, or what else there is to say
    * `keys` - asked for a list: the keys that are installed, in base64
    * `primary` - asked for a list: the key that it encrypts with, in base64

  Keys belong into no log: `inspect/1` shows how many there are.
  """

  @enforce_keys [:done]
  defstruct [:done, message: "", keys: [], primary: ""]

  @type t :: %__MODULE__{
          done: boolean(),
          message: String.t(),
          keys: [String.t()],
          primary: String.t()
        }

  defimpl Inspect do
    def inspect(outcome, _options) do
      %{done: done, message: message, keys: keys} = outcome
      "#Chinwag.KeyOutcome<done: #{done}, message: #{inspect(message)}, keys: #{length(keys)}>"
    end
  end
end
