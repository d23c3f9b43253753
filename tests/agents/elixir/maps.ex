defmodule ChinwagAgent.Maps do
  @moduledoc "The commands that are about maps, and what a watch of one tells."

  alias ChinwagAgent.Line

  # The lines of a command, the final one last, or what the library said.
  def command("map_put", mesh, pairs) do
    times = String.to_integer(pairs["repeat"] || "1")
    payload = :binary.copy(text(pairs, "payload"), times)
    Chinwag.Map.put(map(mesh, pairs), text(pairs, "key"), payload, how(pairs))
  end

  def command("map_delete", mesh, pairs),
    do: Chinwag.Map.delete(map(mesh, pairs), text(pairs, "key"), how(pairs))

  def command("map_resolve", mesh, pairs) do
    joined = fn values -> values |> Enum.map(& &1.value) |> Enum.sort() |> Enum.join("+") end
    resolved = Chinwag.Map.resolve(map(mesh, pairs), text(pairs, "key"), joined)
    with {:ok, _any?} <- resolved, do: :ok
  end

  def command("map_get", mesh, pairs) do
    value = Chinwag.Map.get(map(mesh, pairs), text(pairs, "key"))
    [Line.format("ok", if(value, do: [payload: value], else: []))]
  end

  def command("map_read", mesh, pairs) do
    entry = Chinwag.Map.read(map(mesh, pairs), text(pairs, "key"))
    # What was read last, for a write in place of that.
    if entry, do: Process.put(place(pairs), entry)
    [Line.format("ok", if(entry, do: values(entry), else: []))]
  end

  def command("map_entries", mesh, pairs) do
    entries = Chinwag.Map.entries(map(mesh, pairs), text(pairs, "prefix"))
    lines = for entry <- entries, do: Line.format("entry", [key: entry.key] ++ values(entry))
    lines ++ [Line.format("ok", count: length(entries))]
  end

  def command("map_watch", mesh, pairs) do
    options = [replay: pairs["replay"] == "true"]

    with {:ok, watch} <- Chinwag.Map.watch(map(mesh, pairs), text(pairs, "prefix"), options) do
      Process.put(watch, text(pairs, "map"))
      :ok
    end
  end

  def command(_, _, _), do: ["unsupported"]

  # Of which map a watch is that the calling process began, if of any.
  def watched(watch), do: Process.get(watch)

  # What a watch tells.
  def changed({:put, entry}), do: [type: "put", key: entry.key] ++ values(entry)
  def changed({:deleted, key}), do: [type: "deleted", key: key]
  def changed({:lost, count, _entries}), do: [type: "lost", count: count]
  def changed(:replay_done), do: [type: "replay-done"]

  defp map(mesh, pairs), do: Chinwag.map(mesh, text(pairs, "map"))
  defp place(pairs), do: {text(pairs, "map"), text(pairs, "key")}
  defp text(pairs, key), do: Line.unescape(pairs[key] || "")

  defp how(%{"after" => "read"} = pairs), do: [after: %{} = Process.get(place(pairs))]
  defp how(_pairs), do: []

  # Those of a key and who put them, the newest first.
  defp values(%{values: values}) do
    [
      values: {:list, Enum.map(values, & &1.value)},
      writers: {:list, Enum.map(values, & &1.writer)}
    ]
  end
end
