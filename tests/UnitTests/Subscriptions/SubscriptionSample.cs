using System.Text.Json;
using Bsp.Domain.Subscriptions;
using Bsp.UnitTests.Common;

namespace Bsp.UnitTests.Subscriptions;

/// <summary>Subscriptions of tests, and a wallet that pays or does not.</summary>
internal static class SubscriptionSample
{
    public static readonly Guid Id = Guid.Parse("01900000-0000-7000-8000-00000000000a");

    public static DateTimeOffset Day(int year, int month, int day, int hour = 0) => new(year, month, day, hour, 0, 0, TimeSpan.Zero);

    public static PlanTerms Terms(decimal price, int included = 1_000, string code = "start", long version = 1, string currency = "USD") =>
        new(new Guid(code.Select(c => (byte)c).Concat(new byte[16]).Take(16).ToArray()), version, code, code, currency, price, 0.0120m,
            included, JsonSerializer.SerializeToElement(new { numbers = 2 }));

    public static Given<Subscription, SubscriptionEvent> Given(params SubscriptionEvent[] past) =>
        new(Subscription.Initial, Subscription.Evolve, past);

    /// <summary>Begun and paid.</summary>
    public static Subscription Running(decimal price, DateTimeOffset start, int included = 1_000) =>
        After(Subscription.Initial, Subscription.Start(Subscription.Initial, Id, Terms(price, included), 0, null, start));

    public static Subscription After(Subscription state, SubscriptionStep step, bool rich = true) =>
        After(state, rich || step.Movements.Count == 0 ? step.Facts : step.WhenShort ?? []);

    public static Subscription After(Subscription state, IEnumerable<SubscriptionEvent> facts) =>
        facts.Aggregate(state, Subscription.Evolve);

    /// <summary>Signed: what comes back to the wallet is more than zero.</summary>
    public static decimal[] Moved(SubscriptionStep step) => [.. step.Movements.Select(m => m.IsCredit ? m.Amount : -m.Amount)];

    /// <summary>Everything that is due, one step after the other.</summary>
    public static (Subscription State, List<SubscriptionStep> Steps) CaughtUp(Subscription state, DateTimeOffset now, bool rich = true)
    {
        var steps = new List<SubscriptionStep>();
        while (Billing.Due(state, now) is { } step)
        {
            steps.Add(step);
            state = After(state, step, rich);
        }

        return (state, steps);
    }
}
