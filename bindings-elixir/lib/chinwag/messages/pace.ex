defmodule Chinwag.Pace do
  @moduledoc false
  # How fast messages are handed to a process: as fast as it reads them. What it has not read waits
  # in the core, where there is a bound, and what is dropped is counted.

  alias Chinwag.Native

  # Messages that wait in the mailbox of a process at most.
  @window 64
  # How often a mailbox that is full is looked at again at once: one that is read at all has room
  # then. After that, it is looked at after 1, 2, 4, … milliseconds, and after so many at most.
  @at_once 8
  @late 32

  @doc "The window of who has no smaller one."
  def window, do: @window

  @doc "How many messages a process has room for."
  def room(pid, window \\ @window) do
    case Process.info(pid, :message_queue_len) do
      {:message_queue_len, length} -> max(0, window - length)
      # Its end is about to be told.
      nil -> 0
    end
  end

  @doc """
  Has the calling server look again: with `{Chinwag.Native, :again}` after what others have to say,
  or with `:look` later. Nobody tells when a process has read its mail. One that is slow is looked
  at less and less often.
  """
  def look(%{looks: looks} = state) when looks < @at_once,
    do: again(%{state | looks: looks + 1})

  def look(%{timer: nil, looks: looks} = state) do
    wait = min(2 ** min(looks - @at_once, 10), @late)
    %{state | timer: Process.send_after(self(), :look, wait), looks: looks + 1}
  end

  def look(state), do: state

  @doc "Has the calling server look again after what others have to say."
  def again(state) do
    send(self(), {Native, :again})
    state
  end
end
