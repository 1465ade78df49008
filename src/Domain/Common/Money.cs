using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Bsp.Domain.Common;

/// <summary>
/// Amounts of money: exact decimals of six places, rounded half to even, here and nowhere else. PostgreSQL's <c>round</c>, its casts and
/// <c>ToString("F6")</c> round half away from
/// zero, so nothing unrounded may reach them.
/// </summary>
public static partial class Money
{
    /// <summary>Places after the point of every stored amount.</summary>
    public const int Places = 6;

    /// <summary>Amounts and balances lie below it, on either side of zero: twelve digits before the point.</summary>
    public const decimal Limit = 1_000_000_000_000m;

    private const decimal Millionth = 0.000001m;

    /// <summary>Half to even, and always with a scale of six: <c>1</c> becomes <c>1.000000</c>.</summary>
    public static decimal Round(decimal amount) => decimal.Round(amount, Places, MidpointRounding.ToEven) + 0.000000m;

    /// <summary>True for what may be stored as it is: no more than six places, below <see cref="Limit"/>.</summary>
    public static bool IsExact(decimal amount) => amount < Limit && amount > -Limit && (amount.Scale <= Places || Round(amount) == amount);

    /// <summary>As it is hashed, stored and shown: <c>-?(0|[1-9]\d{0,11})\.\d{6}</c>, never <c>-0.000000</c>.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It has more than six places or reaches <see cref="Limit"/>: it was never rounded, and
    /// whoever shows it would hide that.</exception>
    public static string Text(decimal amount)
    {
        if (!IsExact(amount))
        {
            throw new ArgumentOutOfRangeException(nameof(amount), amount,
                "An amount has six places and less than thirteen digits before the point.");
        }

        return amount == 0 ? "0.000000" : amount.ToString("F6", CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// Reads an amount that somebody pays: more than zero, below <see cref="Limit"/>, at most six places, in plain digits.
    /// </summary>
    /// <returns>False for anything else: a sign, an exponent, grouping, spaces, zero, <c>NaN</c>, a seventh place.</returns>
    public static bool TryParse(string? text, out decimal amount) => TryParseSigned(text, out amount) && amount > 0;

    /// <summary>The same with a minus sign and zero allowed, but no <c>-0</c>: for prices and corrections.</summary>
    public static bool TryParseSigned(string? text, out decimal amount)
    {
        amount = 0;
        if (text is null || text.Length > 20 || !Plain().IsMatch(text))
        {
            return false;
        }

        amount = Round(decimal.Parse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture));
        return amount != 0 || text[0] != '-';
    }

    /// <summary>The share of a period, in one division and one rounding.</summary>
    /// <param name="part">What is counted of it, in the unit of <paramref name="whole"/> (seconds): from 0 to <paramref
    /// name="whole"/>.</param>
    /// <param name="whole">More than zero.</param>
    public static decimal Prorate(decimal amount, long part, long whole)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(whole);
        ArgumentOutOfRangeException.ThrowIfNegative(part);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(part, whole);
        return Round(amount * part / whole);
    }

    /// <summary>
    /// Shares that add up to the amount: each rounded down, then a millionth to the largest remainders, of equal ones to the first.
    /// </summary>
    /// <param name="weights">None negative, their sum more than zero.</param>
    public static IReadOnlyList<decimal> Split(decimal amount, IReadOnlyList<long> weights)
    {
        var sum = weights.Aggregate(BigInteger.Zero, (total, weight) => total + weight);
        if (sum <= 0 || weights.Any(weight => weight < 0))
        {
            throw new ArgumentOutOfRangeException(nameof(weights), "Weights are not negative, and one is more than zero.");
        }

        if (!IsExact(amount))
        {
            throw new ArgumentOutOfRangeException(nameof(amount), amount, "Only an exact amount can be split.");
        }

        var millionths = new BigInteger(decimal.Truncate(Math.Abs(amount) / Millionth));
        var shares = weights.Select(weight => BigInteger.DivRem(millionths * weight, sum)).ToArray();
        var over = (int)(millionths - shares.Aggregate(BigInteger.Zero, (total, share) => total + share.Quotient));
        var luckier = Enumerable.Range(0, shares.Length).OrderByDescending(i => shares[i].Remainder).ThenBy(i => i).Take(over).ToHashSet();
        return [.. shares.Select((share, i) => Round(Math.Sign(amount) * ((decimal)share.Quotient
            + (luckier.Contains(i) ? 1 : 0)) * Millionth))];
    }

    /// <summary>What one message costs, rounded once: sums of it are then exact.</summary>
    /// <param name="markupRate">0.125: twelve and a half per cent on top.</param>
    /// <param name="markupFixed">On top of that, per message.</param>
    public static decimal Unit(decimal price, decimal markupRate, decimal markupFixed) => Round((price * (1 + markupRate)) + markupFixed);

    [GeneratedRegex(@"\A-?(?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,6})?\z")]
    private static partial Regex Plain();
}
