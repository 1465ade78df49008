using System.Net;
using Bsp.Infrastructure.CustomerWebhooks;

namespace Bsp.UnitTests.CustomerWebhooks;

/// <summary>A name server that does not answer holds up whose names it is asked for, and nobody else.</summary>
public sealed class HostNamesTests
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Of_one_organization_a_few_are_asked_at_once_and_anothers_are_asked_all_the_same()
    {
        using var gate = new ManualResetEventSlim();
        var asked = 0;
        using var names = new HostNames(host =>
        {
            if (host == "slow.example")
            {
                Interlocked.Increment(ref asked);
                gate.Wait(TimeSpan.FromMinutes(1), CancellationToken.None);
            }

            return [IPAddress.Loopback];
        });
        var (one, other) = (Guid.NewGuid(), Guid.NewGuid());
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        var slow = Enumerable.Range(0, 20).Select(_ => names.ResolveAsync("slow.example", one, patience.Token)).ToList();
        (await names.ResolveAsync("quick.example", other, Ct)).ShouldBe([IPAddress.Loopback]);
        SpinWait.SpinUntil(() => Volatile.Read(ref asked) == HostNames.AtOnceOfOneMax, TimeSpan.FromSeconds(30)).ShouldBeTrue();

        // Whoever waits for long enough goes; threads that wait are given back when they return, and others have their turn.
        await patience.CancelAsync();
        foreach (var one_ in slow)
        {
            await Should.ThrowAsync<OperationCanceledException>(() => one_);
        }

        asked.ShouldBe(HostNames.AtOnceOfOneMax);
        gate.Set();
        (await names.ResolveAsync("slow.example", one, Ct)).ShouldBe([IPAddress.Loopback]);
    }

    [Fact]
    public async Task What_the_system_says_is_said()
    {
        using var names = new HostNames(_ => throw new System.Net.Sockets.SocketException(11_001));
        await Should.ThrowAsync<System.Net.Sockets.SocketException>(() => names.ResolveAsync("no.example", Guid.NewGuid(), Ct));
    }
}
