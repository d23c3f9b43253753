# A member that talks: to all, and to one.
#
#     mix run examples/talk.exs ann -
#     mix run examples/talk.exs bob 127.0.0.1:40123
#
# Then type `all hello`, `ann hello`, or `leave`.

defmodule Talk.Ear do
  use GenServer

  def start_link(mesh), do: GenServer.start_link(__MODULE__, mesh)

  def init(mesh) do
    local = Chinwag.local_member(mesh)
    IO.puts("ready #{local.name} #{local.addr}")
    {Chinwag.subscribe(mesh, :members, replay: true), mesh}
  end

  def handle_info({:chinwag, mesh, event}, mesh) do
    case event do
      {:member_join, member} -> IO.puts("joined #{member.name}")
      {:member_leave, member} -> IO.puts("left #{member.name}")
      {:member_failed, member} -> IO.puts("failed #{member.name}")
      {:message, %{payload: text}} -> IO.puts(legible(text))
      {:broadcast, told} -> IO.puts("#{told.sender} to all: #{legible(told.payload)}")
      {:warning, %{code: code, text: text}} -> IO.puts("warning #{code}: #{text}")
      _ -> :ok
    end

    {:noreply, mesh}
  end

  defp legible(bytes), do: if(String.valid?(bytes), do: bytes, else: inspect(bytes))
end

[name, seed] = System.argv()

options = [
  node: name,
  bind: "127.0.0.1:0",
  seeds: List.delete([seed], "-"),
  profile: System.get_env("CHINWAG_PROFILE", "local"),
  handle_signals: true
]

children = [{Chinwag, [name: Talk.Mesh] ++ options}, {Talk.Ear, Talk.Mesh}]
{:ok, supervisor} = Supervisor.start_link(children, strategy: :rest_for_one)

# A message over a connection does not say from whom it is, as memberlist has it.
say = fn
  ["all" | text] -> Chinwag.broadcast(Talk.Mesh, text)
  [to | text] -> Chinwag.send(Talk.Mesh, to, "#{name}: #{text}")
end

IO.stream()
|> Stream.map(&String.split(String.trim(&1), " ", parts: 2))
|> Stream.take_while(&(&1 != ["leave"]))
|> Enum.each(&with({:error, error} <- say.(&1), do: IO.puts(Exception.message(error))))

Supervisor.stop(supervisor)
