using Bsp.Application.Webhooks;

namespace Bsp.UnitTests.Webhooks;

public sealed class BodyRoomTests
{
    // Nobody stalls.
    private sealed class StillClock : TimeProvider
    {
        public override long GetTimestamp() => 0;
    }

    [Fact]
    public async Task An_address_that_holds_all_of_the_room_gives_up_what_another_may_have_though_it_never_stalls()
    {
        var room = new BodyRoom(new StillClock());
        const int piece = 1024 * 1024;
        var greedy = new List<BodyRoom.Holder>();
        for (var i = 0; i < BodyRoom.BytesAtOnce / piece; i++)
        {
            greedy.Add(room.Enter("attacker"));
            (await greedy[i].GrowToAsync(piece, TestContext.Current.CancellationToken)).ShouldBeTrue();
        }

        foreach (var holder in greedy)
        {
            holder.Progressed(); // a byte in time
        }

        using var genuine = room.Enter("meta");
        (await genuine.GrowToAsync(3 * piece, TestContext.Current.CancellationToken)).ShouldBeTrue();
        greedy.Count(h => h.Evicted.IsCancellationRequested).ShouldBe(3);
        room.BytesNow.ShouldBeLessThanOrEqualTo(BodyRoom.BytesAtOnce);
        greedy.ForEach(h => h.Dispose());
    }

    [Fact]
    public async Task Nobody_is_put_out_for_more_than_an_equal_share()
    {
        var room = new BodyRoom(new StillClock());
        using var first = room.Enter("a");
        using var second = room.Enter("b");
        (await first.GrowToAsync(BodyRoom.BytesAtOnce / 2, TestContext.Current.CancellationToken)).ShouldBeTrue();
        (await second.GrowToAsync(BodyRoom.BytesAtOnce / 2, TestContext.Current.CancellationToken)).ShouldBeTrue();
        var more = second.GrowToAsync((BodyRoom.BytesAtOnce / 2) + 1, TestContext.Current.CancellationToken);
        first.Progressed();
        first.Evicted.IsCancellationRequested.ShouldBeFalse();
        first.Dispose();
        (await more).ShouldBeTrue();
    }
}
