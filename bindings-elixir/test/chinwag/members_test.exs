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
end
