defmodule Chinwag.MembersTest do
  use Chinwag.Case, async: true
  doctest Chinwag.Member

  test "members, member, known_members and local_member agree" do
    pair!(Chinwag.MembersTest.A, Chinwag.MembersTest.B, tags: [role: "web"])
    [a, b] = Chinwag.members(__MODULE__.A)
    assert %Member{name: "a", state: :alive, tags: %{"role" => "web"}} = a
    assert a == Chinwag.local_member(__MODULE__.A)
    assert b == Chinwag.member(__MODULE__.A, "b")
    assert b.addr == addr(__MODULE__.B)
    assert [1, 5, _, _, _, _] = b.versions
    assert <<0xFF, _::binary>> = b.meta
    assert b.incarnation > 0
    assert Chinwag.member(__MODULE__.A, "nobody") == nil
    assert Chinwag.known_members(__MODULE__.A) == [a, b]
    assert %{packets_received: _, health_score: 0} = Chinwag.stats(__MODULE__.A)

    :ok = Chinwag.leave(__MODULE__.B)
    eventually(fn -> Chinwag.members(__MODULE__.A) == [a] end)
    assert [^a, %Member{name: "b", state: :left}] = Chinwag.known_members(__MODULE__.A)
    assert [%Member{name: "a"}] = Chinwag.members(__MODULE__.B)
  end

  test "members by tags" do
    node!(__MODULE__.Tagged, tags: %{"role" => "web", "zone" => "a"})
    for_tags = fn tags -> length(Chinwag.members(__MODULE__.Tagged, tags: tags)) end
    assert for_tags.(%{}) == 1
    assert for_tags.(role: "web") == 1
    assert for_tags.(%{"role" => "web", "zone" => :a}) == 1
    assert for_tags.(role: "db") == 0
    assert for_tags.(role: "web", canary: "yes") == 0
    assert_raise ArgumentError, fn -> Chinwag.members(__MODULE__.Tagged, tag: []) end
  end

  test "a member prints in one line" do
    member = %Member{name: "a", addr: "127.0.0.1:1", state: :alive, tags: %{"k" => "v"}}
    assert inspect(member) == ~s(#Chinwag.Member<a 127.0.0.1:1 alive %{"k" => "v"}>)
    assert Member.sockaddr(member) == {{127, 0, 0, 1}, 1}
  end

  test "why a member is where it is" do
    [a, b] = for name <- [A, B], do: Module.concat([__MODULE__, Explained, name])
    pair!(a, b, shutdown: :brutal_kill)
    assert {:ok, %{state: :alive, since: since, fails_in: nil}} = Chinwag.explain(a, "b")
    assert is_float(since) and since >= 0
    :ok = stop_supervised(b)
    eventually(fn -> match?(%{state: :failed}, Chinwag.explain!(a, "b")) end)
    assert {:ok, %{state: :failed, observed: observed} = told} = Chinwag.explain(a, "b")
    assert told |> Map.keys() |> Enum.sort() == [:fails_in, :observed, :since, :state]
    kinds = Enum.map(observed, & &1.kind)
    assert :probe_failed in kinds and :suspected in kinds and List.last(kinds) == :failed

    for %{ago: ago, text: text} <- observed do
      assert is_float(ago) and ago >= 0
      assert text =~ "b"
    end

    nobody = %{state: nil, since: nil, fails_in: nil, observed: []}
    assert Chinwag.explain(a, "nobody") == {:ok, nobody}
    assert {:error, %Error{code: :bad_argument}} = Chinwag.explain(a, nil)
    assert {:error, %Error{code: :closed}} = Chinwag.explain(b, "a")
    assert_raise Error, fn -> Chinwag.explain!(b, "a") end
  end

  test "metrics are OpenMetrics text" do
    [a, b] = for name <- [A, B], do: Module.concat([__MODULE__, Metrics, name])
    pair!(a, b)
    text = Chinwag.metrics(a)
    assert text =~ ~s(chinwag_members{state="alive"} 2\n)
    assert text =~ ~s(chinwag_node_info{name="a",addr="#{addr(a)}")
    assert String.ends_with?(text, "# EOF\n")

    for {name, _count} <- Chinwag.stats(a) do
      assert text =~ ~r/^# TYPE chinwag_#{name} /m
    end

    :ok = stop_supervised(a)
    assert_raise Error, ~r/^closed: /, fn -> Chinwag.metrics(a) end
  end
end
