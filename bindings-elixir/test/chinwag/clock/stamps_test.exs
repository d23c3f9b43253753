defmodule Chinwag.StampsTest do
  use ExUnit.Case, async: true

  alias Chinwag.{Error, HybridClock, HybridTime, LamportClock}

  doctest Chinwag.HybridClock
  doctest Chinwag.HybridTime
  doctest Chinwag.LamportClock

  @now 1_795_316_449_123_456
  @last 2 ** 64 - 1

  test "stamps ascend when the time does not" do
    {stamps, clock} =
      Enum.map_reduce([@now, @now, @now - 5_000_000, @now + 1_000], HybridClock.new(), fn now,
                                                                                          clock ->
        HybridClock.tick(clock, now)
      end)

    assert Enum.map(stamps, &to_string/1) == [
             "001795316449123.00000",
             "001795316449123.00001",
             "001795316449123.00002",
             "001795316449124.00000"
           ]

    assert clock.last == List.last(stamps)
    shuffled = Enum.shuffle(stamps)
    assert Enum.sort(shuffled, HybridTime) == stamps
    assert Enum.sort(shuffled, HybridClock) == stamps
    assert Enum.sort_by(shuffled, &HybridTime.to_bytes/1) == stamps
    assert Enum.sort_by(shuffled, &to_string/1) == stamps
    assert Enum.max(shuffled, HybridTime) == clock.last
    assert HybridClock.compare(HybridClock.new(), clock) == :lt
    assert HybridClock.compare(clock, clock) == :eq
  end

  test "a stamp from too far ahead is refused, and nothing changes" do
    {ahead, _} = HybridClock.tick(HybridClock.new(), @now + 600_000)

    assert {:error, %Error{code: :bad_argument, message: message}} =
             HybridClock.observe(HybridClock.new(), ahead, @now)

    assert message =~ "600 ms ahead"
    assert_raise Error, fn -> HybridClock.observe!(HybridClock.new(), ahead, @now) end
    {stamp, _} = HybridClock.observe!(HybridClock.new(drift_us: 600_000), ahead, @now)
    assert HybridTime.compare(stamp, ahead) == :gt
  end

  test "a clock goes on after a stamp" do
    {kept, _} = HybridClock.tick(HybridClock.new(), @now)
    {next, _} = HybridClock.tick(HybridClock.new(last: kept), @now - 1_000_000)
    assert HybridTime.compare(next, kept) == :gt
    assert HybridTime.counter(next) == 1
  end

  test "stamps are values" do
    stamp = HybridTime.parse!("281474976710655.65535")
    assert stamp == HybridTime.new!(@last)
    assert HybridTime.from_bytes!(<<@last::64>>) == stamp
    assert inspect(stamp) == "#Chinwag.HybridTime<281474976710655.65535>"
    assert inspect(%HybridTime{number: -1}) == "#Chinwag.HybridTime<none>"
    assert {HybridTime.ms(stamp), HybridTime.counter(stamp)} == {281_474_976_710_655, 65_535}
    # It never begins anew.
    assert {^stamp, _} = HybridClock.tick(HybridClock.new(last: stamp), @last)
  end

  test "a Lamport clock stays at its end" do
    assert {@last, clock} = LamportClock.observe(LamportClock.new(), @last)
    assert LamportClock.tick(clock) == {@last, clock}

    assert Enum.sort([clock, LamportClock.new(3), LamportClock.new()], LamportClock) ==
             [LamportClock.new(), LamportClock.new(3), clock]
  end

  test "what is no number, no text, no bytes" do
    for number <- [-1, 2 ** 64, 1.0, nil, "1", :a] do
      assert {:error, %Error{code: :bad_argument}} = HybridTime.new(number)

      for call <- [
            fn -> HybridClock.tick(HybridClock.new(), number) end,
            fn -> HybridClock.new(drift_us: number) end,
            fn -> HybridClock.new(last: number) end,
            fn -> LamportClock.new(number) end,
            fn -> LamportClock.observe(LamportClock.new(), number) end,
            fn -> LamportClock.tick(%LamportClock{time: number}) end,
            fn -> to_string(%HybridTime{number: number}) end,
            fn -> HybridClock.tick(%HybridClock{drift_us: number}, 1) end
          ] do
        assert assert_raise(Error, call).code == :bad_argument
      end

      assert {:error, %Error{code: :bad_argument}} =
               HybridClock.observe(HybridClock.new(), %HybridTime{}, number)
    end

    for text <- [
          "",
          "1.1",
          "001795316449123,00042",
          <<255>>,
          nil,
          5,
          ~c"a",
          String.duplicate("0", 100_000)
        ] do
      assert {:error, %Error{code: :bad_argument}} = HybridTime.parse(text)
    end

    for bytes <- ["", <<1::56>>, <<1::72>>, nil, 5, <<1::3>>] do
      assert {:error, %Error{code: :bad_argument}} = HybridTime.from_bytes(bytes)
    end

    for options <- [[drfit_us: 5], :a, nil, [1]],
        do: assert_raise(Error, fn -> HybridClock.new(options) end)
  end
end
