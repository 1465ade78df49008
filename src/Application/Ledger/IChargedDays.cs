namespace Bsp.Application.Ledger;

/// <summary>What the messages that reached somebody on one day (UTC, of delivery) stand charged with, by the ledger's entries.</summary>
/// <param name="Count">Messages of which something is charged and not given back.</param>
/// <param name="Sum">Of all of them, exact.</param>
/// <param name="Xor">
/// Over the same messages, the XOR of the first eight bytes (big-endian) of the MD5 of <c>id:currency:amount</c>, the id with dashes in
/// lower case, the amount with six places: two stores that agree in all three hold the same charges.
/// </param>
public sealed record ChargedDay(DateOnly Day, string Currency, long Count, decimal Sum, long Xor);

/// <summary>The ledger's side of a comparison with what documents and analytics show as costs.</summary>
public interface IChargedDays
{
    /// <summary>In the order of days and currencies; a day without a charge is not among them.</summary>
    /// <param name="from">First day of delivery.</param>
    /// <param name="to">Day after the last one. It reads every charge recorded since the first, so a year is for a quiet hour.</param>
    Task<IReadOnlyList<ChargedDay>> OfAsync(Guid organizationId, DateOnly from, DateOnly to, CancellationToken ct);
}
