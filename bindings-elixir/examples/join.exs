# One member of a cluster: joins, prints what happens to the others, and leaves.
#
#     mix run examples/join.exs web-1 -
#     mix run examples/join.exs web-2 127.0.0.1:40123 role=web
#
# Then type `tag role=db`, or `leave`.

defmodule Join.Printer do
  use GenServer

  def start_link(mesh), do: GenServer.start_link(__MODULE__, mesh)

  def init(mesh) do
    local = Chinwag.local_member(mesh)
    IO.puts("ready #{local.name} #{local.addr}")
    :ok = Chinwag.subscribe(mesh, :members, replay: true)
    {:ok, mesh}
  end

  def handle_info({:chinwag, mesh, event}, mesh) do
    case event do
      {:events_lost, _count, members} -> Enum.each(members, &print(:events_lost, &1))
      {type, %Chinwag.Member{} = member} -> print(type, member)
      {type, %Chinwag.Member{} = member, _previous} -> print(type, member)
      {:warning, warning} -> IO.puts("warning #{warning.code} #{warning.text}")
      _ -> :ok
    end

    {:noreply, mesh}
  end

  defp print(type, member) do
    type = type |> to_string() |> String.replace("_", "-")
    tags = Enum.map_join(member.tags, ",", fn {key, value} -> "#{key}=#{value}" end)
    tags = if tags == "", do: "-", else: tags
    IO.puts("#{type} #{member.name} #{member.addr} #{member.state} #{tags}")
  end
end

[name, seed | tags] = System.argv()

children = [
  {Chinwag,
   name: Join.Mesh,
   node: name,
   bind: "127.0.0.1:0",
   seeds: List.delete([seed], "-"),
   tags: Enum.map(tags, &(&1 |> String.split("=", parts: 2) |> List.to_tuple())),
   profile: System.get_env("CHINWAG_PROFILE", "local"),
   handle_signals: true},
  {Join.Printer, Join.Mesh}
]

{:ok, supervisor} = Supervisor.start_link(children, strategy: :rest_for_one)

IO.stream()
|> Stream.map(&String.split/1)
|> Stream.take_while(&(&1 != ["leave"]))
|> Enum.each(fn
  ["tag", pair] ->
    [key, value] = String.split(pair, "=", parts: 2)
    Chinwag.update_tags!(Join.Mesh, %{key => value})

  _ ->
    IO.puts(:stderr, "type `tag key=value` or `leave`")
end)

# Leaves and closes; so does SIGTERM.
Supervisor.stop(supervisor)
