defmodule Chinwag.GroupTest do
  use Chinwag.Case, async: true

  alias Chinwag.Group

  setup context do
    [a, b] = for n <- ["A", "B"], do: Module.concat(__MODULE__, "#{n}#{context.line}")
    seed = node!(a, node: "a")
    node!(b, node: "b", seeds: [seed])
    eventually(fn -> length(Chinwag.members(a)) == 2 end)
    {:ok, a: a, b: b}
  end

  # A process that passes on what it gets.
  defp process!() do
    test = self()
    spawn_link(fn -> pass(test) end)
  end

  defp pass(test) do
    receive do: (message -> send(test, {self(), message}))
    pass(test)
  end

  defp text(pid), do: List.to_string(:erlang.pid_to_list(pid))

  test "processes join, hear, and leave, on whatever members", %{a: a, b: b} do
    [one, two] = for _ <- 1..2, do: process!()
    assert :ok = Group.join(a, "g")
    assert :ok = Group.join(a, "g")
    assert :ok = Group.join(a, "g", one)
    assert :ok = Group.join(b, "g", two)
    # Another one, whose name begins alike.
    assert :ok = Group.join(a, "g.x", one)

    all = [{"a", text(self())}, {"a", text(one)}, {"b", text(two)}]

    for mesh <- [a, b],
        do: eventually(fn -> Enum.sort(Group.members(mesh, "g")) == Enum.sort(all) end)

    assert Enum.sort(Group.local_members(a, "g")) == Enum.sort([self(), one])
    assert Group.local_members(b, "g") == [two]

    term = {:said, self(), %{1 => [:x]}}
    assert {:ok, 2} = Group.broadcast(b, "g", term)
    assert_receive {:chinwag, ^a, {:group, "g", ^term, %{sender: "b", missed: 0}}}
    assert_receive {^one, {:chinwag, ^a, {:group, "g", ^term, _}}}
    assert_receive {^two, {:chinwag, ^b, {:group, "g", ^term, _}}}

    assert :ok = Group.leave(a, "g")
    assert :not_joined = Group.leave(a, "g")
    assert :ok = Group.leave(a, "g", one)
    eventually(fn -> Group.members(b, "g") == [{"b", text(two)}] end)
    eventually(fn -> Chinwag.subscribers(b, "group:g") == ["b"] end)
    assert {:ok, 1} = Group.broadcast(b, "g", :last)
    assert_receive {^two, {:chinwag, ^b, {:group, "g", :last, _}}}
    refute_received {:chinwag, _, _}
    refute_received {^one, _}
  end

  test "who leaves may come back at once", %{a: a} do
    for _ <- 1..200 do
      assert :ok = Group.join(a, "g")
      assert Group.members(a, "g") == [{"a", text(self())}]
      assert :ok = Group.leave(a, "g")
    end

    :ok = Group.join(a, "g")
    {:ok, 1} = Group.broadcast(a, "g", :once)
    assert_receive {:chinwag, ^a, {:group, "g", :once, _}}
    assert Group.members(a, "g") == [{"a", text(self())}]
    refute_received _
  end

  test "a monitor tells who is there, and who comes and goes", %{a: a, b: b} do
    [one, two] = for _ <- 1..2, do: process!()
    :ok = Group.join(a, "g", one)
    {:ok, ref} = Group.monitor(a, "g")
    {first, second} = {{"a", text(one)}, {"b", text(two)}}
    assert_receive {:chinwag, ^a, {:group, ^ref, {:join, ^first}}}
    assert_receive {:chinwag, ^a, {:group, ^ref, :members_told}}
    :ok = Group.join(b, "g", two)
    assert_receive {:chinwag, ^a, {:group, ^ref, {:join, ^second}}}

    # It leaves by its end, and with its member.
    Process.unlink(one)
    Process.exit(one, :kill)
    assert_receive {:chinwag, ^a, {:group, ^ref, {:leave, ^first}}}
    assert Group.members(a, "g") == [second]
    :ok = stop_supervised(b)
    assert_receive {:chinwag, ^a, {:group, ^ref, {:leave, ^second}}}, 10_000
    assert Group.members(a, "g") == []

    assert :ok = Group.demonitor(a, ref)
    :ok = Group.join(a, "g", two)
    refute_received {:chinwag, _, _}
  end

  test "what cannot be is refused", %{a: a} do
    for name <- ["a b", "a#b", String.duplicate("x", 59)] do
      assert {:error, %Error{code: :bad_argument}} = Group.join(a, name)
      assert {:error, %Error{code: :bad_argument}} = Group.broadcast(a, name, 1)
    end

    assert Chinwag.entries(a) == []
    assert {:error, %Error{code: :closed}} = Group.join(__MODULE__.None, "g")
    assert {:error, %Error{code: :closed}} = Group.monitor(__MODULE__.None, "g")
    assert :not_joined = Group.leave(__MODULE__.None, "g")
    assert Group.local_members(__MODULE__.None, "g") == []
    # Functions are code.
    :ok = Group.join(a, "g")
    {:ok, 1} = Group.broadcast(a, "g", fn -> 1 end)
    assert_receive {:chinwag, ^a, {:group, "g", %Error{code: :codec}, _}}
  end
end
