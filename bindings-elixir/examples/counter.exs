# A member that counts, for whoever calls it, and calls others.
#
#     mix run examples/counter.exs ann -
#     mix run examples/counter.exs bob 127.0.0.1:40123
#
# Then type `counter@ann add 5`, `counter get`, or `leave`.

# A stock GenServer: only its name is Chinwag's.
defmodule Counter do
  use GenServer

  def start_link(mesh),
    do: GenServer.start_link(__MODULE__, 0, name: Chinwag.via(mesh, "counter"))

  def init(count), do: {:ok, count}

  def handle_call({"add", by}, _from, count) when is_integer(by) do
    {:reply, count + by, count + by}
  end

  def handle_call({"add", _by}, _from, count) do
    {:reply, %ArgumentError{message: "only integers are counted"}, count}
  end

  def handle_call({"get", _payload}, _from, count), do: {:reply, count, count}
  def handle_call({op, _payload}, _from, count), do: {:reply, Chinwag.Error.unknown_op(op), count}
end

[name, seed] = System.argv()

options = [
  node: name,
  bind: "127.0.0.1:0",
  seeds: List.delete([seed], "-"),
  profile: System.get_env("CHINWAG_PROFILE", "local"),
  handle_signals: true
]

children = [{Chinwag, [name: Counter.Mesh] ++ options}, {Counter, Counter.Mesh}]
{:ok, supervisor} = Supervisor.start_link(children, strategy: :rest_for_one)
local = Chinwag.local_member(Counter.Mesh)
IO.puts("ready #{local.name} #{local.addr}")

value = fn
  [] -> nil
  [word] -> with({number, ""} <- Integer.parse(word), do: number, else: (_ -> word))
end

ask = fn line ->
  [target, op | word] = String.split(line, " ", parts: 3)

  case Chinwag.call(Counter.Mesh, target, op, value.(word)) do
    {:ok, answer} -> IO.puts("#{line}: #{answer}")
    {:error, error} -> IO.puts(Exception.message(error))
  end
end

IO.stream()
|> Stream.map(&String.trim/1)
|> Stream.take_while(&(&1 != "leave"))
|> Enum.each(ask)

Supervisor.stop(supervisor)
