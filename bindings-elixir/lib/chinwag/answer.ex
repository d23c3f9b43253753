defmodule Chinwag.Answer do
  @moduledoc """
  What is told of members, keys and queries: plain maps. Times are milliseconds, but for
  coordinates, and what is not known is `nil`.
  """

  alias Chinwag.{Constants, KeyOutcome}

  @typedoc "What may be shown of a key."
  @type key_info :: %{fingerprint: String.t(), bits: 128 | 192 | 256, primary: boolean()}

  @typedoc """
  What is known of a member, and why: its state, for how long, how long a suspect has to refute, and
  what was observed while it was in trouble, the oldest first.
  """
  @type explanation :: %{
          state: Constants.member_state() | nil,
          since: float() | nil,
          fails_in: float() | nil,
          observed: [%{ago: float(), kind: observed() | String.t(), text: String.t()}]
        }

  @typedoc "What may be observed of a member; a word that this list does not have yet stays text."
  @type observed ::
          :probe_failed
          | :saved_by_tcp
          | :suspected
          | :confirmed
          | :refuted
          | :failed
          | :left
          | :back
          | :moved

  @typedoc """
  What came back to a query, in the order in which it arrived, and whether everybody who is meant
  has answered, as far as this node knows.
  """
  @type answers :: %{
          acks: [String.t()],
          responses: [%{sender: String.t(), payload: binary()}],
          complete: boolean()
        }

  @typedoc "A place in serf's coordinate space, whose unit is the second."
  @type coordinate :: %{
          vec: [float()],
          error: float(),
          adjustment: float(),
          height: float()
        }

  # The core's words for `t:observed/0`.
  @observed ~w(probe-failed saved-by-tcp refused refused-here answered suspected confirmed) ++
              ~w(refuted failed left back moved)

  @doc false
  def explanation(%{state: state, observed: observed} = told) do
    observed = Enum.map(observed, &%{&1 | kind: observation(&1.kind)})
    %{told | state: state && state(state), observed: observed}
  end

  @doc false
  def key_outcomes(told),
    do: Map.new(told, fn {name, told} -> {name, struct!(KeyOutcome, told)} end)

  for word <- @observed do
    atom = word |> String.replace("-", "_") |> String.to_atom()
    defp observation(unquote(word)), do: unquote(atom)
  end

  defp observation(newer), do: newer

  for {state, _number} <- Constants.states() do
    defp state(unquote(to_string(state))), do: unquote(state)
  end
end
