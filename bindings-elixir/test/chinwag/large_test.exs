defmodule Chinwag.LargeTest do
  # Keeps both processors busy for a moment.
  use Chinwag.Case, async: false

  test "a cluster larger than an ordinary scheduler takes at once" do
    mesh = __MODULE__.Many0

    calm = [
      probe_interval: 5_000,
      probe_timeout: 2_000,
      tcp_timeout: 10_000,
      shutdown: :brutal_kill
    ]

    seed = node!(mesh, [event_buffer: 16] ++ calm)
    :ok = Chinwag.subscribe(mesh)
    :ok = :sys.suspend(mesh)
    for i <- 1..140, do: node!(Module.concat(__MODULE__, "Many#{i}"), [seeds: [seed]] ++ calm)
    eventually(fn -> length(Chinwag.members(mesh)) == 141 end, 30_000)
    names = mesh |> Chinwag.members() |> Enum.map(& &1.name)
    assert names == Enum.sort(names)

    :ok = :sys.resume(mesh)
    assert_receive {:chinwag, ^mesh, {:events_lost, count, members}}, 10_000
    assert count > 100
    assert Enum.map(members, & &1.name) == names -- [Chinwag.local_member(mesh).name]

    :ok = Chinwag.subscribe(mesh, :members, replay: true)
    messages = collect_until(&match?({:chinwag, _, :replay_done}, &1))
    assert length(messages) == 141
  end
end
