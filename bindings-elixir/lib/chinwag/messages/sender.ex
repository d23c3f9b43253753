defmodule Chinwag.Sender do
  @moduledoc """
  Who asks, and what came with it. A handler of `Chinwag.serve/4` gets it as its third argument;
  `Chinwag.sender/1` makes it of what `handle_call/3` of a GenServer gets.

    * `node` - the name of the member that sent the message
    * `key` - the key after `#`, where it was sent to the owner of one, or `nil`
    * `headers` - what came with it, such as `"traceparent"`
    * `deadline` - when nobody waits any more, as `System.monotonic_time(:millisecond)` has it, or
      `:infinity`
  """

  @enforce_keys [:node, :key, :headers, :deadline]
  defstruct [:node, :key, :headers, :deadline, :call, :stream]

  @type t :: %__MODULE__{
          node: String.t(),
          key: binary() | nil,
          headers: %{String.t() => String.t()},
          deadline: integer() | :infinity
        }

  @doc "Whether an answer is wanted: a call, and not a cast."
  @spec call?(t()) :: boolean()
  def call?(%__MODULE__{call: call}), do: call != nil

  @doc "Whether items may come and go, as `Chinwag.Streams` has them."
  @spec stream?(t()) :: boolean()
  def stream?(%__MODULE__{stream: stream}), do: stream != nil

  @doc "Milliseconds that are left of the caller's time, or `:infinity`."
  @spec remaining(t()) :: timeout()
  def remaining(%__MODULE__{deadline: :infinity}), do: :infinity
  def remaining(%__MODULE__{deadline: deadline}), do: max(0, deadline - now())

  @doc false
  def new({node, key, headers, remaining}, call, stream) do
    deadline = if remaining, do: now() + remaining, else: :infinity
    headers = Map.new(headers)

    %__MODULE__{
      node: node,
      key: key,
      headers: headers,
      deadline: deadline,
      call: call,
      stream: stream
    }
  end

  defp now, do: System.monotonic_time(:millisecond)

  defimpl Inspect do
    import Inspect.Algebra

    # What it is answered by is nobody's business.
    def inspect(sender, options) do
      shown = Map.take(sender, [:node, :key, :headers, :deadline])
      concat(["#Chinwag.Sender<", to_doc(shown, options), ">"])
    end
  end
end
