using Bsp.Domain.Common;

namespace Bsp.Domain.Subscriptions;

/// <summary>What a decision comes to: facts, and the money that moves with them or not at all.</summary>
/// <param name="Facts">None: nothing to do.</param>
/// <param name="Movements">In this order, all or none.</param>
/// <param name="WhenShort">Facts instead, when the wallet is too short; null: then the decision is refused.</param>
public sealed record SubscriptionStep(IReadOnlyList<SubscriptionEvent> Facts, IReadOnlyList<SubscriptionMovement> Movements,
    IReadOnlyList<SubscriptionEvent>? WhenShort = null)
{
    /// <summary>Nothing happens.</summary>
    public static SubscriptionStep Nothing { get; } = new([], []);

    /// <summary>Facts without money.</summary>
    public static SubscriptionStep Of(params SubscriptionEvent[] facts) => new(facts, []);
}

/// <summary>Money for a subscription, to or from the wallet.</summary>
/// <param name="Reference">Its name; the same for the same cause, so that it moves once.</param>
/// <param name="IsCredit">True: back to the wallet.</param>
/// <param name="Amount">More than zero, six places.</param>
/// <param name="EffectiveAt">When it counts: the due date, whenever it is carried out.</param>
/// <param name="Description">A line of the statement.</param>
public sealed record SubscriptionMovement(string Reference, bool IsCredit, decimal Amount, string Currency, DateTimeOffset EffectiveAt,
    string Description, int Period, Guid PlanId)
{
    /// <summary>The UUIDv5 of the name, by which the ledger knows it.</summary>
    public Guid Key => Uuid.Of(Reference);
}

/// <summary>
/// Names of a subscription's entries in the ledger: made of the subscription and a number, so that whoever comes twice finds the same one.
/// </summary>
public static class SubscriptionReference
{
    /// <summary>Of period <paramref name="n"/>, from 0.</summary>
    public static string Of(Guid subscriptionId, int n) => $"subscription/{subscriptionId}/{n}";

    /// <summary>Of what a change gives back.</summary>
    /// <param name="change">From 1.</param>
    public static string Credit(Guid subscriptionId, int change) => $"subscription/{subscriptionId}/change/{change}/credit";

    /// <summary>Of what a change costs.</summary>
    /// <param name="change">From 1.</param>
    public static string Debit(Guid subscriptionId, int change) => $"subscription/{subscriptionId}/change/{change}/debit";
}
