# Ours in Elixir, a stock GenServer with a name of the cluster; `client.exs` obeys the
# commands.

defmodule Bench.Ours do
  use GenServer

  @impl true
  def init(nil), do: {:ok, 0}

  @impl true
  def handle_call({"echo", payload}, _from, casts), do: {:reply, payload, casts}
  def handle_call({"count", _payload}, _from, casts), do: {:reply, <<casts::little-64>>, casts}

  @impl true
  def handle_cast({"add", _payload}, casts), do: {:noreply, casts + 1}
end

defmodule Bench.Carrier do
  @patience 60_000

  def echo(mesh, payload) do
    {:ok, ^payload} = Chinwag.call(mesh, "echo", "echo", payload, codec: :raw, timeout: @patience)
  end

  def cast(mesh, payload), do: :ok = Chinwag.cast(mesh, "echo", "add", payload, codec: :raw)

  def count(mesh) do
    options = [codec: :raw, timeout: @patience]
    {:ok, <<casts::little-64>>} = Chinwag.call(mesh, "echo", "count", "", options)
    casts
  end

  def await(mesh), do: if(Chinwag.hosts(mesh, "echo") == [], do: await(mesh), else: :ok)
end

options = [name: Bench.Mesh, bind: "127.0.0.1:0", outbox_overflow: :block]

case System.argv() do
  ["server" | _] ->
    {:ok, _pid} = Chinwag.start_link([node: "server"] ++ options)
    name = Chinwag.via(Bench.Mesh, "echo", mailbox: 200_000)
    {:ok, _pid} = GenServer.start_link(Bench.Ours, nil, name: name)
    IO.puts(~s({"address":"#{Chinwag.local_member(Bench.Mesh).addr}"}))
    Process.sleep(:infinity)

  ["client", address] ->
    {:ok, _pid} = Chinwag.start_link([node: "client"] ++ options)
    {:ok, _contacted} = Chinwag.join(Bench.Mesh, [address])
    Bench.Carrier.await(Bench.Mesh)
    otp = :erlang.system_info(:otp_release)
    IO.puts(~s({"runtime":"Erlang/OTP #{otp}, NIF, Elixir #{System.version()}"}))
    Bench.Client.run({Bench.Carrier, Bench.Mesh})
end
