# The Elixir reader of the event benchmark; `src/events/mod.rs` has the commands.
#
# A subscriber, as a program would write it: a message for each event is the way of the BEAM, so
# there is no naive variant beside it. Holding suspends the node's own process, because a
# subscriber that merely does not look would have the messages in its mailbox already.

defmodule Bench.Reader do
  @own 200_000

  def run(mesh) do
    :ok = Chinwag.subscribe(mesh, :members)
    loop(mesh, reset())
  end

  defp loop(mesh, stamps) do
    receive do
      {:chinwag, ^mesh, {:member_update, _, _} = event} ->
        loop(mesh, note(event, stamps))

      {:chinwag, ^mesh, {:events_lost, count, _members}} ->
        loop(mesh, %{stamps | lost: stamps.lost + count})

      {:chinwag, ^mesh, _other} ->
        loop(mesh, stamps)

      {:udp, _socket, _ip, _port, stamp} ->
        loop(mesh, note_stamp(:os.perf_counter(:nanosecond), stamp, stamps))

      {:command, command} ->
        loop(mesh, obey(command, stamps))
    end
  end

  defp note({:member_update, member, _previous} = event, stamps) do
    stamps = note_stamp(:os.perf_counter(:nanosecond), member.tags["t"], stamps)
    if stamps.sample, do: stamps, else: %{stamps | sample: event}
  end

  defp note_stamp(now, stamp, stamps) do
    taken = now - String.to_integer(stamp)
    %{stamps | taken: [taken | stamps.taken], first: stamps.first || now, last: now}
  end

  defp obey("reset", _stamps), do: answered("{}", reset())
  defp obey("go", stamps), do: %{stamps | cpu: cpu_ns()}

  defp obey("floor", stamps) do
    options = [:binary, ip: {127, 20, 0, 1}, active: true]
    {:ok, _socket} = :gen_udp.open(7947, options)
    answered("{}", stamps)
  end

  defp obey("own", stamps) do
    count = if stamps.sample, do: @own, else: 0
    began = cpu_ns()
    noted = Enum.reduce(1..count//1, stamps, fn _, stamps -> note(stamps.sample, stamps) end)
    spent = cpu_ns() - began
    answered(~s({"events":#{count},"cpu_us":#{us(spent)}}), noted)
  end

  defp obey("count", stamps) do
    answered(~s({"events":#{length(stamps.taken)},"lost":#{stamps.lost}}), stamps)
  end

  defp obey("report", stamps) do
    cpu = cpu_ns() - stamps.cpu
    taken = stamps.taken |> Enum.sort() |> List.to_tuple()
    span = if tuple_size(taken) > 1, do: stamps.last - stamps.first

    answered(
      ~s({"events":#{tuple_size(taken)},"lost":#{stamps.lost},) <>
        ~s("p50_us":#{us(rank(taken, 0.50))},"p99_us":#{us(rank(taken, 0.99))},) <>
        ~s("span_us":#{us(span)},"cpu_us":#{us(cpu)}}),
      stamps
    )
  end

  defp answered(line, stamps) do
    IO.puts(line)
    stamps
  end

  defp reset, do: %{taken: [], sample: nil, lost: 0, first: nil, last: nil, cpu: cpu_ns()}

  defp rank({}, _share), do: nil
  defp rank(taken, share), do: elem(taken, max(0, ceil(tuple_size(taken) * share) - 1))

  defp us(nil), do: "null"
  defp us(ns), do: to_string(ns / 1000)

  # All threads of the VM, to the nanosecond; none of them ends while it is measured.
  defp cpu_ns do
    for thread <- File.ls!("/proc/self/task"), reduce: 0 do
      sum ->
        case File.read("/proc/self/task/#{thread}/schedstat") do
          {:ok, line} -> sum + (line |> String.split() |> hd() |> String.to_integer())
          {:error, _} -> sum
        end
    end
  end
end

mesh = Bench.Mesh

{:ok, _} =
  Supervisor.start_link(
    [
      {Chinwag, name: mesh, node: "under-test", bind: "127.20.0.1:7946", event_buffer: 1_048_576}
    ],
    strategy: :one_for_one
  )

reader = spawn_link(fn -> Bench.Reader.run(mesh) end)
runtime = "Elixir #{System.version()}, OTP #{System.otp_release()}"
IO.puts(~s({"runtime":"#{runtime}","also":["floor","own"]}))

for line <- IO.stream() do
  case String.trim(line) do
    "hold" ->
      :ok = :sys.suspend(mesh)
      IO.puts("{}")

    "go" ->
      send(reader, {:command, "go"})
      :ok = :sys.resume(mesh)
      IO.puts("{}")

    command ->
      send(reader, {:command, command})
  end
end

System.halt(0)
