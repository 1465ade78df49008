using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.LedgerAudits.Shown;

/// <summary>
/// Two rows of messages in the same order, one of the ledger and one of a store, gone through together. Of those that differ the one whose
/// entry was recorded first is kept, and their number.
/// </summary>
/// <param name="what">Whose costs: <c>document</c> or <c>analytics</c>; the code is this and <c>.cost_differs</c>.</param>
/// <param name="ahead">Messages charged beyond the place where the store stands: nothing is said of them.</param>
/// <param name="upTo">That place, packed.</param>
internal sealed class CostDifferences(string what, IReadOnlySet<string> ahead, long upTo)
{
    private (string Key, LedgerFault Fault)? first;
    private long differing;

    /// <summary>Messages that were compared.</summary>
    public long Compared { get; private set; }

    /// <summary>Null: everything agrees.</summary>
    public LedgerFault? First => first is { Fault: var fault }
        ? differing == 1 ? fault : fault with { Detail = $"{fault.Detail} So it is with {differing} messages: this is the first." } : null;

    /// <param name="shown">Calls with each row of the store, in the order of ids as text.</param>
    public async Task MergeAsync(ChargedMessages charged, Func<Func<ShownCost, Task>, Task> shown, CancellationToken ct)
    {
        await shown(async own =>
        {
            await PassAsync(charged, own.MessageId, ct);
            var entered = charged.Current is { } current && current.MessageId == own.MessageId ? current : null;
            if (own.Position <= upTo && !ahead.Contains(own.MessageId) && entered is not { OfGroup: true })
            {
                Compare(own.MessageId, entered, own);
            }

            if (entered is not null)
            {
                await charged.NextAsync(ct);
            }
        });
        await PassAsync(charged, null, ct);
    }

    // What the ledger has and the store does not, up to an id; null: all that is left.
    private async Task PassAsync(ChargedMessages charged, string? before, CancellationToken ct)
    {
        while (charged.Current is { } missing && (before is null || string.CompareOrdinal(missing.MessageId, before) < 0))
        {
            if (missing is { OfGroup: false, IsOld: false } && !ahead.Contains(missing.MessageId))
            {
                Compare(missing.MessageId, missing, null);
            }

            await charged.NextAsync(ct);
        }
    }

    private void Compare(string message, ChargedMessage? entered, ShownCost? shown)
    {
        Compared++;
        if (entered is not null && shown is not null && (entered.Net, entered.Currency) == (shown.Amount, shown.Currency))
        {
            return;
        }

        differing++;
        var key = entered?.Entry.ToString() ?? "~" + message; // the ledger's own first
        if (first is null || string.CompareOrdinal(key, first.Value.Key) < 0)
        {
            first = (key, new(entered?.Entry, entered?.Currency, null, null, $"{what}.cost_differs",
                $"Message {Text.Cut(message, 64)}: its charges come to {Money(entered?.Net, entered?.Currency)}, and "
                + $"{(what == "document" ? "its document shows" : "the analytics show")} {Money(shown)}."));
        }
    }

    private static string Money(decimal? amount, string? currency) =>
        amount is { } sum ? $"{Bsp.Domain.Common.Money.Text(sum)} {currency}" : "nothing";

    private static string Money(ShownCost? shown) => shown is null ? "nothing"
        : shown.Amount is { } amount ? $"{Bsp.Domain.Common.Money.Text(amount)} {Text.Cut(shown.Currency, 16)}"
        : "something that is no amount";
}
