using System.Buffers.Binary;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>Amounts as millionths in a <c>long</c> (18 digits fit), and times as microseconds since 2000, read from the bytes of a text
/// or of PostgreSQL's binary form: no decimal, no string.</summary>
internal static class Micros
{
    private const int DigitsMax = 12; // before the point
    private const int GroupsMax = 5;

    /// <summary>The form that is hashed, and no other: <c>-?(0|[1-9]\d{0,11})\.\d{6}</c>, no <c>-0.000000</c>.</summary>
    public static bool TryMoney(ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        var negative = text is [(byte)'-', ..];
        var digits = negative ? text[1..] : text;
        var point = digits.Length - 7;
        if (point is < 1 or > DigitsMax || digits[point] != '.' || (point > 1 && digits[0] == '0'))
        {
            return false;
        }

        for (var i = 0; i < digits.Length; i++)
        {
            if (i != point)
            {
                var digit = digits[i] - '0';
                if (digit is < 0 or > 9)
                {
                    return false;
                }

                micros = (micros * 10) + digit;
            }
        }

        micros = negative ? -micros : micros;
        return !negative || micros != 0;
    }

    /// <summary>A <c>numeric</c> as COPY sends it. False: it is NaN, infinite, too large, or has more than six places.</summary>
    public static bool TryNumeric(ReadOnlySpan<byte> binary, out long micros)
    {
        micros = 0;
        var (groups, weight, sign) = (BinaryPrimitives.ReadInt16BigEndian(binary), BinaryPrimitives.ReadInt16BigEndian(binary[2..]),
            BinaryPrimitives.ReadUInt16BigEndian(binary[4..]));
        if (sign is not (0 or 0x4000) || weight >= GroupsMax - 1)
        {
            return false;
        }

        // Groups of four digits; what is wanted ends two digits into the second one after the point.
        for (var i = 0; i < groups; i++)
        {
            var (group, power) = (BinaryPrimitives.ReadInt16BigEndian(binary[(8 + (2 * i))..]), weight - i);
            switch (power)
            {
                case >= -1:
                    micros += group * Power(power);
                    break;
                case -2 when group % 100 == 0:
                    micros += group / 100;
                    break;
                default:
                    return false;
            }
        }

        micros = sign == 0 ? micros : -micros;
        return true;
    }

    /// <summary>As it is hashed: <c>2026-10-01T09:00:00.120Z</c>.</summary>
    public static bool TryTime(ReadOnlySpan<byte> text, out long micros)
    {
        micros = 0;
        if (text.Length != 24 || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':'
            || text[19] != '.' || text[23] != 'Z')
        {
            return false;
        }

        var (year, month, day) = (Number(text[..4]), Number(text[5..7]), Number(text[8..10]));
        var (hour, minute, second, milli) = (Number(text[11..13]), Number(text[14..16]), Number(text[17..19]), Number(text[20..23]));
        if (year < 1 || month is < 1 or > 12 || day < 1 || day > DateTime.DaysInMonth(year, month) || hour is < 0 or > 23 || minute
            is < 0 or > 59 || second is < 0 or > 59 || milli < 0)
        {
            return false;
        }

        micros = (new DateTime(year, month, day, hour, minute, second, milli, DateTimeKind.Utc)
            .Ticks - Epoch) / TimeSpan.TicksPerMicrosecond;
        return true;
    }

    private static readonly long Epoch = new DateTime(2000, 1, 1, 0, 0, 0, DateTimeKind.Utc).Ticks;

    /// <summary>The other way round.</summary>
    public static DateTimeOffset Time(long micros) => new(Epoch + (micros * TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    // -1: a character that is no digit.
    private static int Number(ReadOnlySpan<byte> digits)
    {
        var number = 0;
        foreach (var digit in digits)
        {
            if (digit is < (byte)'0' or > (byte)'9')
            {
                return -1;
            }

            number = (number * 10) + digit - '0';
        }

        return number;
    }

    private static long Power(int power) => power switch { -1 => 100, 0 => 1_000_000, 1 => 10_000_000_000, _ => 100_000_000_000_000 };
}
