using System.Globalization;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;

namespace Bsp.Api.Webhooks;

/// <summary>
/// The verb <c>webhooks</c>: lists what of Meta's webhooks was not carried out, and has it tried again by whichever process reads webhooks,
/// now or when one does.
/// </summary>
public sealed class WebhooksCommand(ISetAsideWebhooks webhooks)
{
    private const string Usage = "usage: webhooks [list] | retry all|NUMBER";
    private const int PageMax = 200;

    /// <summary>0: done; 2: not understood.</summary>
    public async Task<int> RunAsync(string[] arguments, CancellationToken ct)
    {
        switch (arguments)
        {
            case [] or ["list"]:
                await ListAsync(ct);
                return 0;
            case ["retry", "all"]:
                return await RetryAsync(null, ct);
            case ["retry", var number] when long.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out var id):
                return await RetryAsync(id, ct);
            default:
                await Console.Error.WriteLineAsync(Usage);
                return 2;
        }
    }

    private async Task ListAsync(CancellationToken ct)
    {
        string? cursor = null;
        do
        {
            var page = await webhooks.ListAsync(cursor, PageMax, ct);
            foreach (var w in page.Data)
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{w.Id}  {w.Reason}  {w.Part}  journal {w.JournalId} of {w.ReceivedAt:u}  organization {w.OrganizationId}  attempts {w.Attempts}  next {w.NextAt:u}  {w.Error}").TrimEnd());
            }

            cursor = page.NextCursor;
        }
        while (cursor is not null);
    }

    private async Task<int> RetryAsync(long? id, CancellationToken ct)
    {
        try
        {
            var count = await webhooks.RetryAsync(id, ct);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count} to be tried again."));
            return 0;
        }
        catch (Refusal refusal)
        {
            await Console.Error.WriteLineAsync(refusal.Message);
            return 2;
        }
    }
}
